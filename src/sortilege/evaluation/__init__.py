"""What a decoding method is worth: samples and their metrics, comparisons with intervals, reports, and the viewer."""
