"""`python -m benchmarks NAME [options]`: run one benchmark on servers of its own, in a folder that is thrown away."""

import argparse
import json
import signal
import sys

from benchmarks import chaos, imports, mails, memory, pace, pages, plan, receipts, send, stop_race

BENCHMARKS = {
    "chaos": chaos,
    "email": mails,
    "import": imports,
    "memory": memory,
    "pace": pace,
    "pages": pages,
    "plan": plan,
    "receipts": receipts,
    "send": send,
    "stop_race": stop_race,
}


def main() -> int:
    """Run the benchmark that was named; the last line on stdout is its figures as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    for name, module in BENCHMARKS.items():
        options = names.add_parser(name, help=module.__doc__)
        module.add_options(options)
        options.add_argument("--json", action="store_true", help="print nothing but the figures")
    chosen = parser.parse_args()
    # Told to end, a benchmark stops the servers it started, as at Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tell = (lambda _line: None) if chosen.json else (lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(BENCHMARKS[chosen.name].run(chosen, tell)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
