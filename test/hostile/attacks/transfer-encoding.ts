import { type Attack, framed, post, smuggled } from "../attack.ts";

/** A body that is whole if the coding is seen, with a request behind it for whoever goes by Content-Length. */
const chunked = `4\r\nbody\r\n0\r\n\r\n`;

/** A coding that is not exactly chunked: the end of the body cannot be told (RFC 9112 §6.3), or it would go on still encoded. */
const malformed = (what: string, ...lines: string[]): Attack => ({
  name: `Transfer-Encoding ${what}`,
  rule: "refuse",
  bytes: post(lines, `${chunked}${smuggled}`),
  seen: framed("body"),
});

/** Chunked at the end and something before it: where it ends is clear, but what it is nobody knows any more without the field. */
const wrapped = (what: string, ...lines: string[]): Attack => ({
  name: `Transfer-Encoding ${what}`,
  rule: "refuse",
  bytes: post(lines, chunked),
  seen: framed("body"),
});

const value = (what: string, text: string): Attack => malformed(what, `Transfer-Encoding: ${text}`);

/** Another way to write chunked: seen as that or refused, but never passed by. */
const spelled = (what: string, line: string): Attack => ({
  name: `Transfer-Encoding ${what}`,
  rule: "either",
  bytes: post([line], chunked),
  seen: framed("body"),
});

export const transferEncodings: readonly Attack[] = [
  spelled("in capitals", "TRANSFER-ENCODING: CHUNKED"),
  spelled("in mixed letters", "tRaNsFeR-eNcOdInG: cHuNkEd"),
  spelled("with a tab before the value", "Transfer-Encoding:\tchunked"),
  spelled("with no space before the value", "Transfer-Encoding:chunked"),
  spelled("with spaces and tabs around the value", "Transfer-Encoding: \t chunked \t "),
  spelled("with an empty element before", "Transfer-Encoding: , chunked"),
  spelled("with an empty element behind", "Transfer-Encoding: chunked,"),
  spelled("folded before the value", "Transfer-Encoding:\r\n chunked"),
  malformed("with a space before the colon", "Transfer-Encoding : chunked"),
  malformed("with a tab before the colon", "Transfer-Encoding\t: chunked"),
  malformed("with a vertical tab before the colon", "Transfer-Encoding\x0b: chunked"),
  malformed("with a NUL before the colon", "Transfer-Encoding\0: chunked"),
  {
    name: "Transfer-Encoding with a space before its name",
    rule: "either",
    // A folded line, which is a part of the field before it.
    bytes: post(["X: y", " Transfer-Encoding: chunked", "Content-Length: 4"], "body"),
    seen: framed("body"),
  },
  value("of xchunked", "xchunked"),
  value("of chunkedx", "chunkedx"),
  value("of chunk", "chunk"),
  value("of chunked and a word", "chunked x"),
  value("with a vertical tab before the value", "\x0bchunked"),
  value("with a form feed before the value", "\x0cchunked"),
  value("with a vertical tab behind the value", "chunked\x0b"),
  value("with a no-break space before the value", "\xa0chunked"),
  value("with a byte beyond ASCII inside", "chun\xffked"),
  value("with a byte beyond ASCII behind", "chunked\xff"),
  value("with a NUL inside", "chun\0ked"),
  value("with a NUL behind", "chunked\0"),
  value("with a bare CR before the value", "\rchunked"),
  value("in double quotes", '"chunked"'),
  value("in single quotes", "'chunked'"),
  value("with a semicolon", "chunked;"),
  value("with a parameter", "chunked;q=1"),
  value("with a colon", ": chunked"),
  value("in brackets", "[chunked]"),
  value("that is empty", ""),
  value("of identity", "identity"),
  value("of gzip alone", "gzip"),
  value("of chunked and then identity", "chunked, identity"),
  wrapped("of identity and then chunked", "Transfer-Encoding: identity, chunked"),
  wrapped("of gzip and then chunked", "Transfer-Encoding: gzip, chunked"),
  wrapped("of chunked twice", "Transfer-Encoding: chunked, chunked"),
  wrapped("of chunked twice, without a space", "Transfer-Encoding: chunked,chunked"),
  wrapped("in two lines, chunked both", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
  wrapped("in two lines, chunked last", "Transfer-Encoding: x", "Transfer-Encoding: chunked"),
  malformed("in two lines, chunked first", "Transfer-Encoding: chunked", "Transfer-Encoding: x"),
  wrapped("in two lines of which one is empty", "Transfer-Encoding:", "Transfer-Encoding: chunked"),
  malformed("folded inside the value", "Transfer-Encoding: chunked,\r\n identity"),
  spelled("behind a bare LF", "X: y\nTransfer-Encoding: chunked"),
  malformed("behind a bare CR", "X: y\rTransfer-Encoding: chunked"),
  {
    name: "Transfer-Encoding with an underscore in its name",
    rule: "either",
    bytes: post(["Transfer_Encoding: chunked", `Content-Length: ${chunked.length}`], chunked),
    seen: framed(chunked),
  },
];
