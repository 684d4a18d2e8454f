/**
 * Abbreviations whose full stop does not end a sentence. Moses has long lists of them under another licence; these are
 * common ones, written for this library. A text with another one has a token for its full stop where Moses has none.
 */

export interface Abbreviations {
  readonly always: ReadonlySet<string>;
  /** Only before a number: `No. 5`. */
  readonly beforeNumbers: ReadonlySet<string>;
}

const words = (list: string): string[] => list.split(" ");
const capitals = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ");

const byLanguage: Readonly<Record<string, Abbreviations>> = {
  en: {
    always: new Set([
      ...capitals,
      ...words("Mr Mrs Ms Dr Prof Rev Hon Gen Col Capt Lt Maj Sgt Cpl Adm Gov Sen Rep St Jr Sr Messrs Bros Corp vs v"),
    ]),
    beforeNumbers: new Set(words("No Nos Art pp Nr")),
  },
  de: {
    always: new Set([
      ...capitals,
      ...capitals.map((letter) => letter.toLowerCase()),
      // "am 21. Januar"
      ...Array.from({ length: 100 }, (_, number) => String(number)),
      ...words("Mr Mrs Ms Rev Gen Col Capt Lt Maj Sgt Gov Jr Sr vs No I II III IV V VI VII VIII IX X"),
      ...words("Dr Prof Hr Fr Frl Dipl Ing Abs Art Bd Nr St Str bzw ca evtl ggf inkl max min Mio Mrd sog usw vgl zzgl"),
      ...words("Jan Feb Apr Jun Jul Aug Sep Sept Okt Nov Dez"),
    ]),
    beforeNumbers: new Set(),
  },
  ru: {
    always: new Set([
      ...Array.from("АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯабвгдежзиклмнопрстуфхцчшщэюя"),
      ...capitals,
      ...words("г гг ул д им руб коп тыс млн млрд стр рис см др пр обл проф акад канд докт"),
    ]),
    beforeNumbers: new Set(),
  },
};

/** Languages without a list of their own have the English one, as in sacremoses. */
export function abbreviationsOf(language: string): Abbreviations {
  return byLanguage[language] ?? (byLanguage.en as Abbreviations);
}
