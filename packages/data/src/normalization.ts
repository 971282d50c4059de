import Type from "typebox";

/** How text is made uniform before anything else looks at it. By default it is left as it is. */
export const NormalizationOptions = Type.Object(
  {
    unicode: Type.Union([Type.Literal("none"), Type.Literal("NFC"), Type.Literal("NFKC")], {
      default: "none",
      description: "Unicode normalisation form.",
    }),
    newlines: Type.Union([Type.Literal("preserve"), Type.Literal("unix")], {
      default: "preserve",
      description: "unix: CRLF and lone CR become LF.",
    }),
  },
  { additionalProperties: false, default: {}, description: "How text is made uniform first." },
);
export type NormalizationOptions = Type.Static<typeof NormalizationOptions>;

export function normalizeText(text: string, { unicode, newlines }: NormalizationOptions): string {
  const broken = newlines === "unix" ? text.replace(/\r\n?/g, "\n") : text;
  return unicode === "none" ? broken : broken.normalize(unicode);
}
