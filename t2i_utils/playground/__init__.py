"""What a person looks at: figures for notebooks, and later widgets and a web page."""
