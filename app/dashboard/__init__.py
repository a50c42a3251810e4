"""The desktop dashboard: it sees a session only through :mod:`app.session_types`."""
