"""The REST API: one file per noun, one route table, one table of errors."""
