"""The checks of the vectors: the standard library, cryptography, and no code of this project."""
