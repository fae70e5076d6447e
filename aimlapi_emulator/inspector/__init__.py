"""A page that shows what a program says to the model, under `/_inspect`."""
