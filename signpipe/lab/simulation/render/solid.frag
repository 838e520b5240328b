uniform sampler2DArray art;
in vec3 place;
in vec3 facing;
in vec3 at;
in vec3 colour;
flat in vec2 what;
out vec4 shown;

void main() {
    vec4 painted = texture(art, at);
    if (painted.a < 0.02) discard;
    vec3 albedo = pow(painted.rgb / max(painted.a, 1e-3), vec3(2.2)) * colour;
    vec3 light;
    if (what.x > 1.5) light = albedo;
    else {
        light = lit(albedo, place, normalize(facing));
        if (what.x > 0.5) light += thrown_back(albedo, place);
    }
    shown = vec4(developed(through_air(light, place)) * painted.a, painted.a);
}
