"""What is wrong with configuration on paper, before anything is applied. Reads no files itself."""
