"""Running a function under both compute types, on a platform of its own, to see whether it may move."""
