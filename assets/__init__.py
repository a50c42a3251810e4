"""Files that come with the program: the demo bundle and a short real recording."""
