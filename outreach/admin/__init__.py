"""The pages staff work with. Each module has a blueprint named `bp`; `outreach.app.BLUEPRINTS` lists them."""
