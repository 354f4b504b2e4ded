/** 32 bits of a text (FNV-1a, mixed), the same on every runtime. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash);
}

/** Spreads a change of any bit over all of them (MurmurHash3's finalizer). */
function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** What a place draws for a key, of 32 bits: always the same, whoever else draws, and never the same as another place. */
export const lotOf = (key: number, place: number): number => mix(key ^ place);

/**
 * How much a place is a key's: the place with the highest score is the key's own. It grows with the lot and with the weight.
 *
 * Removing a place moves its own keys and no other, and each place has as many keys as its weight says.
 *
 * @see Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates" (1998); by weight as in Schindelhauer and Schomaker,
 * "Weighted Distributed Hash Tables" (2005)
 */
export function score(lot: number, weight: number): number {
  return -weight / Math.log((lot + 0.5) / 2 ** 32);
}
