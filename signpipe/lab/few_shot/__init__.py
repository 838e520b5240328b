"""Adding a class from a handful of pictures: examples, prototypes, and what the new class would change."""
