uniform sampler2D grain;
uniform vec3 sky;
uniform vec3 low_sky;
uniform vec3 woods;
uniform float cloud;
in vec3 way;
out vec4 shown;

void main() {
    vec3 d = normalize(way);
    float around = atan(d.x, d.z);
    float up = d.y;
    vec3 light = mix(low_sky, sky, clamp(pow(max(up, 0.0) * 2.2, 0.6), 0.0, 1.0));
    vec2 high = d.xz / max(up + 0.06, 0.03);
    float cover = clamp(texture(grain, high / 23.0).g * 1.7 - 0.45, 0.0, 1.0);
    light = mix(light, low_sky * 1.08, cover * cloud);
    float glare = max(dot(d, to_sun), 0.0);
    light += sunlight * (pow(glare, 900.0) * 12.0 + pow(glare, 60.0) * 0.5 + pow(glare, 8.0) * 0.12);
    float ridge = 0.012 + 0.035 * texture(grain, vec2(around * 0.35, 0.3)).g + 0.012 * texture(grain, vec2(around * 2.3, 0.7)).r;
    float hill = clamp((ridge - up) / 0.0015, 0.0, 1.0);
    light = mix(light, mix(woods, veil, 1.0 - exp(-extinction * 500.0)), hill);
    light = mix(light, veil, clamp(extinction * 120.0 * (0.25 - up) / 0.25, 0.0, 1.0));
    shown = vec4(developed(light), 1.0);
}
