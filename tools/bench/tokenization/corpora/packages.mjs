/**
 * The Debian packages that text comes from, and what is taken of them. Which versions were read is written beside each corpus.
 *
 * `most` bounds the bytes of one package; `languages` are those of apt's translated package descriptions; `lines` says which lines count; with `distinctLines` a line is taken once:
 * translations repeat each other, while repetition in sources and English documentation is what a tokenizer meets in them.
 */
const words = (list) => list.trim().split(/\s+/);

export const GATHERED = {
  english: {
    packages: words(`
      linux-doc-6.1 python3.11-doc libreoffice-help-en-us perl-doc manpages manpages-dev postgresql-doc-15 git-doc octave-doc libboost1.81-doc
      debian-policy sqlite3-doc python-django-doc erlang-doc bible-kjv-text fortunes glibc-doc freebsd-manpages developers-reference
      qtbase5-doc-html`),
    languages: ["en"],
    endings: /\.(txt|rst|md|html?|pod|[1-9][a-z]*|info(-\d+)?)(\.gz)?$|\/fortunes\/[a-z-]+$/,
    lines: (line) => !mostlyCjk(line), // the kernel's documentation has translations
    distinctLines: false,
    most: 20e6,
  },
  code: {
    packages: words("golang-1.19-src rust-src libboost1.81-dev libpython3.11-stdlib libpython3.11-testsuite"),
    languages: [],
    endings: /\.(c|h|hpp|ipp|go|rs|py|js|d\.ts)$/,
    lines: () => true,
    distinctLines: false,
    most: 30e6,
  },
  cjk: {
    packages: words(`
      libreoffice-help-ja libreoffice-help-ko libreoffice-help-zh-cn libreoffice-help-zh-tw libreoffice-l10n-ja libreoffice-l10n-ko
      libreoffice-l10n-zh-cn libreoffice-l10n-zh-tw manpages-ja manpages-ja-dev manpages-zh developers-reference-ja maint-guide-ja
      maint-guide-zh-cn maint-guide-zh-tw debian-faq-ja debian-faq-ko debian-faq-zh-cn debian-reference-ja debian-reference-zh-cn
      debian-reference-zh-tw debian-edu-doc-ja debian-edu-doc-zh-cn debian-handbook debian-policy-ja debmake-doc installation-guide-amd64
      aptitude-doc-ja firefox-esr-l10n-ja firefox-esr-l10n-ko firefox-esr-l10n-zh-cn firefox-esr-l10n-zh-tw thunderbird-l10n-ja
      thunderbird-l10n-ko thunderbird-l10n-zh-cn thunderbird-l10n-zh-tw lilypond-doc-html-ja lilypond-doc-html-zh scilab-doc-ja
      gnome-user-docs gimp-help-ja fortunes-zh blender-data digikam-data krita-l10n mediawiki wordpress-l10n gcc-12-locales vlc-l10n
      util-linux-locales git postgresql-15 postgresql-client-15 gnucash-common evolution-common gnumeric-common r-base-core binutils-common
      calibre gimp-data inkscape vim-runtime gnupg-l10n claws-mail-i18n freeciv-data kdenlive-data aptitude-common dpkg apt libc-l10n
      coreutils bash kicad fontforge-common lyx-common phpmyadmin gnome-control-center-data libgtk-3-common kmymoney-common darktable
      rawtherapee-data audacity-data ardour-data tuxpaint-data skkdic skkdic-extra edict mecab-ipadic`),
    languages: ["ja", "ko", "zh_CN", "zh_TW"],
    endings: /./,
    lines: mostlyCjk,
    distinctLines: true,
    most: 20e6,
  },
};

const CJK = /[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]/g;

/** Three in ten characters, so that what was left untranslated stays out and names in Latin letters stay in. */
function mostlyCjk(line) {
  const count = cjkCharacters(line);
  return count > 1 && 10 * count >= 3 * line.replace(/\s/g, "").length;
}

export function cjkCharacters(text) {
  return text.match(CJK)?.length ?? 0;
}
