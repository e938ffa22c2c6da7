"""The outside world, played on this machine: a carrier that speaks Twilio's Messages API, and phones to answer from.

It imports nothing from the product and the product nothing from it. `python -m simulator` starts it; what each
control call takes is in `simulator/README.md`.
"""
