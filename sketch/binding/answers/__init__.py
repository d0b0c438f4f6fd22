"""Answers: responses that are made of what handlers declare to return."""
