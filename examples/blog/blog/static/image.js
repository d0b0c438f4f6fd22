// Shows the chosen image, and says at once what the server would refuse. The page works without it.
const field = document.getElementById("image");
const preview = document.getElementById("preview");

field.addEventListener("change", () => {
  const file = field.files[0];
  const tooLarge = file && file.size > Number(field.dataset.largest);
  field.setCustomValidity(tooLarge ? "This image is too large." : "");
  field.reportValidity();
  URL.revokeObjectURL(preview.src);
  preview.hidden = !file || tooLarge;
  if (!preview.hidden) preview.src = URL.createObjectURL(file);
});
