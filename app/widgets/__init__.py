"""What every window of the program is made of: theme, controls, painting, words."""
