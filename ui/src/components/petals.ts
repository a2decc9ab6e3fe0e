/** One petal of the jasmin, pointing up from the middle; turned five times it is the bloom. */
export const PETAL = 'M0 -30C60 -96 146 -214 120 -312C100 -386 4 -412 -62 -366C-138 -314 -106 -154 0 -30Z';

/** The petal that ends in a point: it makes the mark a speech bubble. */
export const TAIL =
  'M0 -30C60 -96 150 -214 128 -306C116 -356 74 -420 18 -452C6 -410 -30 -386 -62 -366C-138 -314 -106 -154 0 -30Z';

export const TURNS = [0, 72, 144, 216, 288] as const;
