uniform sampler2D grain;   // red: fine, green: coarse
uniform vec4 edges;        // left and right edge of the carriageway, lane lines beside the reference line (or far off)
uniform float wet;
uniform float snow;
uniform vec3 sky;
in vec3 place;
in vec2 on;
in vec2 where_;
out vec4 shown;

float within(float distance, float half_width, float blur) {
    return clamp((half_width - distance) / blur + 0.5, 0.0, 1.0);
}

void main() {
    float across = max(fwidth(on.x), 0.004), along = max(fwidth(on.y), 0.01);
    vec2 fine = texture(grain, place.xz / 9.0).rg - 0.5;
    float coarse = texture(grain, place.xz / 61.0).g - 0.5;
    float middle = 0.5 * (edges.x + edges.y), half_road = 0.5 * (edges.y - edges.x);
    float off = abs(on.x - middle);
    float paved = max(within(off, half_road + 0.35 + 0.1 * coarse, across), within(abs(where_.y - 1.0), 0.5, 0.2));
    float verge = where_.x * within(off, half_road + 2.6, across);
    vec3 grass = mix(vec3(0.055, 0.085, 0.028), vec3(0.12, 0.11, 0.05), clamp(0.5 + 2.0 * coarse, 0.0, 1.0));
    vec3 land = mix(grass * (1.0 + 1.5 * fine.r), vec3(0.16, 0.155, 0.15) * (1.0 + 0.5 * fine.r), verge);
    float tracks = clamp(1.0 - abs(abs(mod(off + 1.75, 3.5) - 1.75) - 0.75) * 2.0, 0.0, 1.0);
    vec3 tarmac = vec3(0.13, 0.131, 0.135) * (1.0 + 0.55 * fine.r + 0.5 * coarse - 0.12 * tracks);
    float dash = within(abs(mod(on.y, 12.0) - 6.0), 2.0, along);
    float lines = within(abs(on.x - edges.z), 0.07, across) * dash;
    lines = max(lines, within(abs(on.x - edges.w), 0.07, across) * dash);
    lines = max(lines, within(abs(off - (half_road - 0.25)), 0.08, across) * (1.0 - where_.x));
    lines *= min(1.0, 0.14 / across) * (1.0 - where_.y) * paved;
    vec3 albedo = mix(land, tarmac, paved);
    albedo = mix(albedo * mix(1.0, 0.55, wet * paved), vec3(0.62), lines * 0.9);
    float lying = snow * clamp(1.2 - paved * (0.5 + 0.6 * tracks) + coarse, 0.0, 1.0);
    albedo = mix(albedo, vec3(0.75, 0.77, 0.8), clamp(lying, 0.0, 1.0));
    vec3 view = normalize(eye - place);
    vec3 light = lit(albedo, place, vec3(0.0, 1.0, 0.0));
    // Under grazing headlights a dry road sends little back, a wet one almost nothing.
    light += headlights * beam(place) * albedo * mix(0.35, 0.05, wet * paved);
    light += headlights * lines * vec3(0.5) * beam(place);
    float mirror = wet * paved * pow(1.0 - max(view.y, 0.0), 6.0) * (0.75 + 0.5 * coarse);
    light = mix(light, sky, clamp(mirror, 0.0, 0.8));
    shown = vec4(developed(through_air(light, place)), 1.0);
}
