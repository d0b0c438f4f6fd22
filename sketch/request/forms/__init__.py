"""Forms: their fields and files, read as a whole or part by part as they arrive.

The parser of multipart bodies is a package of its own, an extra of this one: `sketch-web[forms]`.
"""

from sketch.request.forms.form import Form, read_form
from sketch.request.forms.parts import BodyPart, Multipart
from sketch.request.forms.uploads import UploadedFile

__all__ = ["BodyPart", "Form", "Multipart", "UploadedFile", "read_form"]
