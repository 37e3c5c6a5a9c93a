"""What users write and read: the resource, its status, reasons and findings. Knows no cluster."""
