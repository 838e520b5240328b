#version 330
// Everything that stands: flat faces with a texture.
uniform mat4 camera;
in vec3 position;
in vec3 normal;
in vec3 texel;     // u, v and layer of the texture
in vec3 tint;
in vec2 kind;      // material (0 dull, 1 retroreflective, 2 a lamp) and number of the sign, or -1
out vec3 place;
out vec3 facing;
out vec3 at;
out vec3 colour;
flat out vec2 what;

void main() {
    gl_Position = camera * vec4(position, 1.0);
    place = position;
    facing = normal;
    at = texel;
    colour = tint;
    what = kind;
}
