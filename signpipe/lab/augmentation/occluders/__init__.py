"""The occluders, a module a family."""
