"""Fakes, made-up data and pictures for the tests."""
