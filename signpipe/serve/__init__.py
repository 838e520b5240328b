"""A service: sources in processes of their own, asked and watched over HTTP (extra `serve`)."""
