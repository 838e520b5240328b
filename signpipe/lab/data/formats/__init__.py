"""One reader a format: `recognise(path)` finds the set at a path, `read(reader, path)` reads it."""
