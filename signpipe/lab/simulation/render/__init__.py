"""Pictures of driving scenes, drawn with OpenGL, on a GPU or with Mesa on the processor (extra `simulate`)."""
