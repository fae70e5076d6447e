"""Images, video, speech, transcripts, OCR and music: what is sent, what comes, and what takes minutes.

The facts are rows of `operations` (which endpoint) and `fields` (which field has a common name's value); what a model
takes is in `models.json`. Requests (`requests`) and replies (`replies`) are pure; `calls` does the I/O.
"""
