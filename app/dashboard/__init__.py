"""The desktop dashboard, which sees the engine through :class:`app.session.LiveSession`."""
