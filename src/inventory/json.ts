/** Plain values as JSON, in which a map is `{"map": [[key, value], …]}` and a set is `{"set": […]}`. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, one) => {
    if (one instanceof Map) return { map: [...one] };
    if (one instanceof Set) return { set: [...one] };
    return one;
  });
}

/** What `toJson` wrote. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text, (_, value) => {
    if (Array.isArray(value?.map)) return new Map(value.map);
    if (Array.isArray(value?.set)) return new Set(value.set);
    return value;
  });
}
