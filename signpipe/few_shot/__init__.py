"""Classes that were added to the catalogue from a handful of pictures, without training: prototypes of embeddings."""
