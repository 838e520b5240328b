"""From drives to a map of signs: each sign placed by its looks, merged over drives, and compared with a map."""
