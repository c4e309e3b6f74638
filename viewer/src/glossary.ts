/** The words of the page that not everyone knows, each in a sentence or two. */

export const TERMS = {
  probability: [
    "Presence probability",
    "How likely the network finds it that a slice shows a tumor, from 0 to 1, calibrated: of slices with 0.8, about eight in ten did in the validation data. A scan has the largest value of any of its slices. From the operating point on, a limit in the model card, a slice counts as one with a tumor.",
  ],
  operatingPoint: [
    "Operating point",
    "The presence probability from which a slice counts as one with a tumor. It was chosen on validation patients and is written in the bundle's model card; the dashed line over the slices shows it.",
  ],
  bundle: [
    "Network (bundle)",
    "A bundle is a trained network with its model card: which sequences and planes it was trained on, its operating point, and how well it did on patients it had never seen. Left to itself, the service takes the one that fits the scan's sequences.",
  ],
  inputCheck: [
    "Input check",
    "Before a network sees a scan, its header, values and appearance are compared with MRI of heads. What differs too much is not assessed, since a network finds something in any image. Nothing is said about a tumor then.",
  ],
  rano: [
    "RANO",
    "Response Assessment in Neuro-Oncology: rules for measuring brain tumors. A lesion is measured by its longest diameter and the longest one perpendicular to it on the same slice; it is measurable from 10 × 10 mm on, and thick slices ask for more.",
  ],
  lesion: [
    "Lesion",
    "A connected part of the segmentation: voxels that touch by a face, an edge or a corner. Very small parts of the network's mask are left out and counted in a note.",
  ],
  volume: ["Volume", "The number of segmented voxels times the volume of a voxel. It is not known where the files do not state the voxels' size."],
  type: [
    "Tumor type",
    "Which of the types in the training data the tumor resembles most. It is named only where its probability is high enough; other tumors exist and would be given one of these types. Only histology tells the type.",
  ],
  radiomics: ["By shape and texture", "A second classifier, on measured features of the segmented tumor instead of the image: shape, intensities, texture and location, as IBSI defines them."],
  mask: ["Mask", "The segmentation: the voxels that the network, or a person who corrected it, counts as tumor."],
  activation: ["Activation map", "The places that speak for a tumor in the network's slice-level prediction, brightest where most. It explains the probability; it is not a segmentation."],
  window: ["Window", "Which intensities are black and which are white. It changes the display only. Auto leaves the darkest 1 % and the brightest 0.5 % out, and a background of one constant value."],
  sequence: ["Sequence", "How the MRI was weighted: T1, T1c (T1 after a contrast agent), T2, or FLAIR (T2 with the signal of free water suppressed, which shows the whole abnormality)."],
  revision: ["Version", "Each corrected segmentation is saved as a new version with its own measurements and files. Earlier versions stay."],
  threshold: ["Only intensities", "The brush changes only voxels whose intensity in the sequence shown lies in this range, both ends included. What is suggested is as bright as nine tenths of the mask or brighter."],
  align: [
    "Align the series to each other",
    "Series between which the patient moved, or volumes on different grids, are moved and turned onto one of them before the networks see them. Without it, such a study fails and says so, or leaves a series out.",
  ],
  spacing: [
    "Voxel size",
    "The distances in mm from column to column, row to row and slice to slice, for images and other files that do not state them. Areas and volumes follow from them. What a file states itself is not replaced.",
  ],
  stated: [
    "What is shown",
    "The sequence of a file or folder, by its name, or of a DICOM series, by its description, number or UID, where neither its header nor its name tells. What is left out is not read.",
  ],
  dicomweb: ["DICOMweb", "The web interface of an image archive (PACS). The address of a study ends in /studies/ and its StudyInstanceUID."],
} as const satisfies Record<string, readonly [string, string]>;

export type Term = keyof typeof TERMS;
