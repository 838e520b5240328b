// Light in the scene, linear; 1 is a white face in full daylight.
uniform vec3 eye;
uniform vec3 ahead;        // where the car looks
uniform vec3 to_sun;
uniform vec3 sunlight;
uniform vec3 skylight;
uniform vec3 veil;         // colour of fog, rain and distance
uniform float extinction;  // 1/m
uniform float headlights;  // 0 or 1
uniform float lamps;       // light of street lamps or of a tunnel
uniform float exposure;

float beam(vec3 p) {
    // Low beam: bright below the cut-off, a little stray light above it.
    vec3 from = eye - vec3(0.0, 0.55, 0.0);
    vec3 way = p - from;
    float far = max(length(way), 1.0);
    vec3 flat_way = normalize(vec3(way.x, 0.0, way.z));
    vec3 flat_ahead = normalize(vec3(ahead.x, 0.0, ahead.z));
    float aside = acos(clamp(dot(flat_way, flat_ahead), -1.0, 1.0));
    float below = smoothstep(0.003, -0.012, way.y / far);
    return exp(-aside * aside / 0.16) * mix(0.035, 1.0, below) * 320.0 / (far * far + 120.0);
}

vec3 lit(vec3 albedo, vec3 p, vec3 n) {
    float sun = max(dot(n, to_sun), 0.0);
    vec3 light = skylight * (0.75 + 0.25 * n.y) + sunlight * sun + vec3(1.0, 0.86, 0.62) * lamps;
    float own = headlights * beam(p) * max(dot(n, normalize(eye - p)), 0.0);
    return albedo * (light + own * vec3(1.0, 0.95, 0.85));
}

vec3 thrown_back(vec3 albedo, vec3 p) {
    // Sheeting with glass beads sends the beam back to the car; nearer, the sign leaves the beam.
    float far = length(p - eye);
    return headlights * albedo * vec3(1.0, 0.97, 0.9) * 0.85 * min(55.0 / (far + 12.0), 1.6);
}

vec3 through_air(vec3 light, vec3 p) {
    return mix(veil, light, exp(-extinction * length(p - eye)));
}

vec3 developed(vec3 light) {
    vec3 taken = light * exposure;
    taken = mix(taken, 1.0 - 0.25 * exp(-(taken - 0.75) * 4.0), step(0.75, taken));
    return pow(clamp(taken, 0.0, 1.0), vec3(1.0 / 2.2));
}
