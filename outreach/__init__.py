"""The ways in by HTTP and by terminal. The application is made by `outreach.app.create_app`."""
