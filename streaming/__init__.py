"""The live path: sources, ring buffer, preprocessor, decoder and their processes. No Qt."""
