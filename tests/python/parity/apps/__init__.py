"""Applications written against the name `fastapi`; `loading` puts turboapi in its place."""
