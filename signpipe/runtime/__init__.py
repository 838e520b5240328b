"""ONNX Runtime: providers, sessions and the model manifest."""
