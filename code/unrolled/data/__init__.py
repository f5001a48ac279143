"""Data that the chapters read: one module a family. Nothing is loaded on import."""
