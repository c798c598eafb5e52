"""Encodings, Lao script, pages, and what people type. Pure: no input, no output, no clock."""
