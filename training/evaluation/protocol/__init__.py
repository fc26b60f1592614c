"""The evaluation as a whole: tasks, encoders, splits and heads, cell by cell, and their report."""
