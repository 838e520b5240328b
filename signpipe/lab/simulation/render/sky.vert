#version 330
uniform mat4 look;   // from the picture to directions in the world
in vec2 corner;
out vec3 way;

void main() {
    gl_Position = vec4(corner, 0.9999, 1.0);
    way = (look * vec4(corner, 1.0, 1.0)).xyz;
}
