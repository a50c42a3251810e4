"""The desktop dashboard: it sees a session only through :mod:`app.dashboard.session_port`."""
