"""The forms of a report: an HTML page, a picture, CSV and JSON, and text for a terminal."""
