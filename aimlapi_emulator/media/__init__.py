"""The media endpoints: pictures, film, speech, transcripts, OCR, music. What they give out are real files."""
