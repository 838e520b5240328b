#version 330
uniform mat4 camera;
in vec3 position;
in vec2 way;       // metres to the right of the reference line, and along it
in vec2 land;      // 1 in a town, and 1 at a junction
out vec3 place;
out vec2 on;
out vec2 where_;

void main() {
    gl_Position = camera * vec4(position, 1.0);
    place = position;
    on = way;
    where_ = land;
}
