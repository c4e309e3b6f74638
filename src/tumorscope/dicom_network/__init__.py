"""The hospital's network: a node that receives studies, analyses them and sends results back; DICOMweb."""
