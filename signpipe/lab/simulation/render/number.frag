#version 330
// Which sign each pixel shows: 1 and up, 0 for anything that stands before one.
uniform sampler2DArray art;
in vec3 place;
in vec3 facing;
in vec3 at;
in vec3 colour;
flat in vec2 what;
out float number;

void main() {
    if (texture(art, at).a < 0.5) discard;
    number = what.y + 1.0;
}
