"""What a session can do to a run: `python -m torture` kills one again and again and looks whether anything was lost."""
