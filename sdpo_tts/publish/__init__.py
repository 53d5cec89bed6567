"""The forms of a report: one HTML page, a picture, CSV and JSON, and text for a terminal."""
