import { Languages, type LucideIcon, SunMoon } from "lucide-react";
import { useLocale, useMessages } from "../i18n";
import { chooseLocale, type Locale, locales } from "../i18n/locale";
import { setTheme, type Theme, themes, useTheme } from "./theme";

const names: Record<Locale, string> = { en: "English", de: "Deutsch" };

/** The menus for language and appearance. */
export function Preferences() {
  const t = useMessages();
  return (
    <div className="flex">
      <Choice
        label={t.language}
        Icon={Languages}
        options={locales.map((id) => ({ id, name: names[id] }))}
        chosen={useLocale()}
        choose={(id) => {
          chooseLocale(id as Locale);
        }}
      />
      <Choice
        label={t.theme}
        Icon={SunMoon}
        options={themes.map((id) => ({ id, name: t.themes[id] }))}
        chosen={useTheme()}
        choose={(id) => setTheme(id as Theme)}
      />
    </div>
  );
}

interface ChoiceProps {
  label: string;
  Icon: LucideIcon;
  options: { id: string; name: string }[];
  chosen: string;
  choose: (id: string) => void;
}

/** A native select, shown as an icon: it is on every page, and a custom menu would need much more code. */
function Choice({ label, Icon, options, chosen, choose }: ChoiceProps) {
  return (
    <span className="relative grid size-11 place-items-center rounded-lg text-muted transition-colors focus-within:ring-2 focus-within:ring-link hover:bg-sunken hover:text-text">
      <Icon size={20} aria-hidden />
      <select
        aria-label={label}
        value={chosen}
        onChange={(event) => choose(event.target.value)}
        className="absolute inset-0 cursor-pointer appearance-none rounded-lg bg-transparent text-transparent outline-none [&>option]:bg-card [&>option]:text-text"
      >
        {options.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </span>
  );
}
